import { parseTraceparent } from '../core/trace-context.js';
import type { SagaView } from './schemas.js';

/** What stands for the trace's id in the template of a link. */
export const TRACE_ID = '{traceId}';

/**
 * The trace of a saga; null where it has none. The link is there only where there is something to see: with a template, and where somebody
 * decided that the trace is recorded. An id is hexadecimal, so nothing in it can become another part of the address.
 */
export function traceView(traceparent: string | null, template: string | undefined): SagaView['trace'] {
  const trace = parseTraceparent(traceparent);
  if (!trace) return null;
  const { traceId: id, isSampled } = trace;
  return template === undefined || !isSampled ? { id } : { id, url: template.replaceAll(TRACE_ID, id) };
}
