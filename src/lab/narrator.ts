// Tells what the tour sees: numbered titles, lines, and checks with the figure they rest on.
import { styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

const BAR_WIDTH = 20;

function paint(style: Style, text: string): string {
  return process.stdout.isTTY ? styleText(style, text) : text;
}

export class Narrator {
  private titles = 0;
  private failed = 0;

  title(text: string): void {
    this.titles += 1;
    console.log(`\n${paint('bold', `${this.titles}  ${text}`)}`);
  }

  line(text: string): void {
    console.log(`   ${text}`);
  }

  /** `seen` is what was measured, shown whether it is as it should be or not. */
  check(what: string, holds: boolean, seen: string): void {
    if (!holds) this.failed += 1;
    const mark = holds ? paint('green', '✓') : paint('red', '✗');
    console.log(`   ${mark} ${what}: ${seen}`);
  }

  /** Last line; returns how many checks failed. */
  conclude(): number {
    const text = this.failed === 0 ? 'All as it should be.' : `${this.failed} not as it should be.`;
    console.log(`\n${paint(['bold', this.failed === 0 ? 'green' : 'red'], text)}`);
    return this.failed;
  }
}

export function bar(share: number): string {
  return '█'.repeat(Math.round(share * BAR_WIDTH)).padEnd(BAR_WIDTH);
}

/** 1234567 -> `1 234 567` */
export function count(value: number): string {
  return String(value).replaceAll(/\B(?=(\d{3})+$)/g, ' ');
}

export function megabytes(bytes: number): string {
  return `${bytes / 1e6} MB`;
}
