import { start } from '../ui/mount';
import Missing from './Missing.svelte';

void start(Missing);
