import { start } from '../ui/mount';
import Home from './Home.svelte';

void start(Home);
