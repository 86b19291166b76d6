import { start } from '../ui/mount';
import Board from './Board.svelte';

void start(Board);
