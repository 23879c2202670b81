import { TestEnvironment } from 'jest-environment-node';

/** Node's environment, and at the end of a test file whatever `closing.ts` was told to close. */
export default class ClosingEnvironment extends TestEnvironment {
  /** @param {{ name: string }} event */
  async handleTestEvent(event) {
    if (event.name !== 'run_finish') return;
    const open = /** @type {{ backstepOpen?: (() => Promise<void>)[] }} */ (this.global).backstepOpen ?? [];
    while (open.length > 0) await open.pop()?.();
  }
}
