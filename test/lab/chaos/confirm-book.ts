/**
 * Which message of a channel each confirm is about. Publisher and broker count for themselves; as soon as the proxy has added, held back
 * or left out anything, their numbers differ, and confirms have to be translated one by one.
 */
export class ConfirmBook {
  /** Numbers still agree: confirms may pass as they are. */
  isExact = true;
  private published = 0;
  private passed = 0;
  /** The broker's number → the publisher's, or nothing where the publisher does not wait for it. */
  private readonly open = new Map<number, number | undefined>();

  /** The publisher has sent one; gives its number. */
  publishes(): number {
    return ++this.published;
  }
  /** The broker is sent one; `tag` is the publisher's number of it. */
  passes(tag: number | undefined): void {
    this.open.set(++this.passed, tag);
    if (tag !== this.passed) this.isExact = false;
  }
  /** The broker does not get what was just published. */
  withholds(): void {
    this.isExact = false;
  }
  /** The publisher's numbers of what the broker has settled. */
  settled(tag: number, isMultiple: boolean): readonly number[] {
    const covered = isMultiple ? [...this.open.keys()].filter((one) => one <= tag || tag === 0) : [tag];
    return covered.flatMap((one) => {
      const own = this.open.get(one);
      this.open.delete(one);
      return own === undefined ? [] : [own];
    });
  }
}
