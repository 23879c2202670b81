/** How many sagas took how long: pairs of a class of durations and how many are in it, by the name of the definition. */
export type Spreads = Readonly<Record<string, readonly (readonly [durationClass: number, count: number])[]>>;

/** What one daemon did within one minute. */
export interface ActivityMinute {
  /** When the minute began; milliseconds since 1970. */
  readonly at: number;
  readonly started: number;
  readonly completed: number;
  readonly compensated: number;
  /** Of those that ended in it, by how they ended. */
  readonly took: Readonly<Record<'completed' | 'compensated', Spreads>>;
}

/** What the daemons of an installation did lately: a few rows for each, that never have to be exact to the last saga. */
export interface ActivityLog {
  /** Keeps minutes of a daemon as they are now, in place of what was kept of them. What is older than an hour and a half is forgotten. */
  write(daemon: string, minutes: readonly ActivityMinute[]): Promise<void>;
  /** Minutes from `since` on, of every daemon but one, in no order. */
  read(since: number, except: string): Promise<readonly ActivityMinute[]>;
}
