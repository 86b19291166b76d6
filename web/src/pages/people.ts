import { start } from '../ui/mount';
import People from './People.svelte';

void start(People);
