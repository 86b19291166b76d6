import Privacy from './Privacy.svelte';
import { start } from '../ui/mount';

void start(Privacy);
