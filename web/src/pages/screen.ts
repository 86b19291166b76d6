import { start } from '../ui/mount';
import Screen from './Screen.svelte';

void start(Screen);
