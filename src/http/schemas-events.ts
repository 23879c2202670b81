import { z } from '@hono/zod-openapi';
import { WIRE_NAME } from '../core/plan.js';
import { STATUSES } from '../core/state.js';
import { HistoryEntrySchema, SagaParams } from './schemas.js';

export const EventsQuery = z.object({
  name: z.string().regex(WIRE_NAME, 'is not the name of a definition').optional(),
  saga: SagaParams.shape.id.optional(),
});
export const EventsHeaders = z.object({ 'last-event-id': z.string().max(200).optional() });

/** The data of an event `history`. */
export const HistoryEventSchema = HistoryEntrySchema.extend({
  sagaId: z.string(),
  name: z.string(),
  version: z.number(),
  /** Of the saga when this was sent: the same, or later, than the entry made it. */
  status: z.enum(STATUSES as readonly [(typeof STATUSES)[number], ...(typeof STATUSES)[number][]]),
}).openapi('HistoryEvent');
export type HistoryEventView = z.infer<typeof HistoryEventSchema>;
