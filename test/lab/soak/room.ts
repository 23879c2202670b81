import { setTimeout as delay } from 'node:timers/promises';

const LOOK_EVERY_MS = 50;

/** Holds back whoever would begin one more than there may be. One look at the count serves all who wait. */
export class Room {
  private free = 0;
  private isOver = false;
  private looking: Promise<void> | undefined;

  constructor(
    private readonly taken: () => Promise<number>,
    private readonly most: number,
  ) {}

  /** Resolves when one more may begin, or when it is over. */
  async available(): Promise<void> {
    while (!this.isOver && this.free <= 0) await (this.looking ??= this.look());
    this.free -= 1;
  }

  close(): void {
    this.isOver = true;
  }

  private async look(): Promise<void> {
    try {
      this.free = this.most - (await this.taken());
      if (this.free <= 0) await delay(LOOK_EVERY_MS);
    } finally {
      this.looking = undefined;
    }
  }
}
