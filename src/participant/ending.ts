/** The moment from which the process cannot wait for its handlers any longer. An AbortSignal warns when more than ten listen to it. */
export class Ending {
  private readonly listeners = new Set<() => void>();
  isOver = false;

  /** Calls `listener` at the end, at once if that is past. Gives what takes it back. */
  onEnd(listener: () => void): () => void {
    if (this.isOver) listener();
    else this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  end(): void {
    this.isOver = true;
    const listeners = [...this.listeners];
    this.listeners.clear();
    for (const listener of listeners) listener();
  }
}
