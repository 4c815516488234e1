export { Random } from '../../src/lab/random.ts';
