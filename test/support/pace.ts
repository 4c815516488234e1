import koffi from 'koffi';

const PAUSE_US = 300;
const usleep = koffi.load('libc.so.6').func('int usleep(unsigned int)');

/** A held rate: how many are due, so that what was late is made up for. */
export class Pace {
  private readonly started = process.hrtime.bigint();
  private readonly rate: number;

  /** `rate`: per second, 0 = as fast as it goes */
  constructor(rate: number) {
    this.rate = rate;
  }

  get seconds(): number {
    return Number(process.hrtime.bigint() - this.started) / 1e9;
  }

  /** How many more are due when `done` are; blocks for a moment when none is. */
  due(done: number, most: number): number {
    if (this.rate === 0) return most;
    const count = Math.min(most, Math.floor(this.seconds * this.rate - done));
    if (count > 0) return count;
    usleep(PAUSE_US);
    return 0;
  }
}
