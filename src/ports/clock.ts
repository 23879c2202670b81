/** Time, so that tests and the simulator can move it. */
export interface Clock {
  /** Wall clock, milliseconds since 1970. Informational: decisions about sagas use the store's clock. */
  now(): number;
  /** Milliseconds that never run backwards; for measuring how long something took. */
  monotonic(): number;
  /** Calls `run` once after `ms`, unless cancelled. `run` must not throw. */
  after(ms: number, run: () => void): Timer;
}
export interface Timer {
  cancel(): void;
}
