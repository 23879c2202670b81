import { messageOf } from '../core/errors.js';

const SHOWN_LENGTH = 80;

/** A value as it was written, for a fault: short, whatever it is. Declarations may be made by code, so it may be anything. Never throws. */
export function shown(value: unknown): string {
  try {
    const text = typeof value === 'object' && value !== null ? (Array.isArray(value) ? 'a list' : 'an object') : String(value);
    return text.length <= SHOWN_LENGTH ? text : `${text.slice(0, SHOWN_LENGTH - 1).toWellFormed()}…`;
  } catch {
    return 'a value that cannot be shown';
  }
}

/** The fields of what should be an object; none, and a fault, where it is something else. */
export function fieldsOf(written: unknown, what: string, faults: string[]): Readonly<Record<string, unknown>> {
  if (typeof written === 'object' && written !== null && !Array.isArray(written)) return written as Readonly<Record<string, unknown>>;
  faults.push(`${what} is ${shown(written)}; it must be an object`);
  return {};
}

/** Nobody can change it afterwards. What is no object stays as it is, for the checks at load to tell. */
export function frozenCopy<T>(written: T): T {
  return written === undefined || typeof written === 'object' ? Object.freeze({ ...written }) : written;
}

/** What `look` gives; a fault where something written throws when it is looked at, as a getter may. */
export function lookedAt<T>(look: () => T, otherwise: T, faults: string[]): T {
  try {
    return look();
  } catch (error: unknown) {
    faults.push(`it cannot be read: ${shown(messageOf(error))}`);
    return otherwise;
  }
}
