import { start } from '../ui/mount';
import Event from './Event.svelte';

void start(Event);
