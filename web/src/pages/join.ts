import { start } from '../ui/mount';
import Join from './Join.svelte';

void start(Join);
