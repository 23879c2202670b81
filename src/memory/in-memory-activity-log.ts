import type { ActivityLog, ActivityMinute } from '../ports/activity-log.js';

/** Activity of daemons in one process. */
export class InMemoryActivityLog implements ActivityLog {
  private readonly rows = new Map<string, { readonly daemon: string; readonly minute: ActivityMinute }>();

  async write(daemon: string, minutes: readonly ActivityMinute[]): Promise<void> {
    for (const minute of minutes) this.rows.set(`${minute.at} ${daemon}`, { daemon, minute: structuredClone(minute) });
  }

  async read(since: number, except: string): Promise<readonly ActivityMinute[]> {
    return [...this.rows.values()].filter(({ daemon, minute }) => minute.at >= since && daemon !== except).map(({ minute }) => minute);
  }
}
