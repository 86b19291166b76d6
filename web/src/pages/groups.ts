import { start } from '../ui/mount';
import Groups from './Groups.svelte';

void start(Groups);
