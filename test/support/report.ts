/** Prints what an acceptance line saw, one check a line, and ends with the exit status. */
export class Report {
  readonly #started = Date.now();
  #failed = 0;
  #checks = 0;

  /** Counts a check; `seen` is what was measured, shown whether it passed or not. */
  check(what: string, passed: boolean, seen: string | number = ''): boolean {
    this.#checks += 1;
    if (!passed) this.#failed += 1;
    console.log(`${passed ? 'ok  ' : 'FAIL'} ${what}${seen === '' ? '' : `: ${seen}`}`);
    return passed;
  }

  note(text: string): void {
    console.log(`     ${text}`);
  }

  /** Runs `body`; a throw is a failed check, so that the others of the line still run. */
  async part(what: string, body: () => Promise<void>): Promise<void> {
    try {
      await body();
    } catch (error) {
      this.check(
        what,
        false,
        error instanceof Error ? (error.stack ?? error.message) : String(error),
      );
    }
  }

  /** Prints the sum and leaves the process with status 0 if every check passed. */
  finish(): never {
    const seconds = ((Date.now() - this.#started) / 1000).toFixed(1);
    console.log(`     ${this.#checks} checks in ${seconds} s`);
    if (this.#checks === 0) console.log('FAIL nothing was checked');
    process.exit(this.#failed === 0 && this.#checks > 0 ? 0 : 1);
  }
}
