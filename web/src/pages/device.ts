import { start } from '../ui/mount';
import Device from './Device.svelte';

void start(Device);
