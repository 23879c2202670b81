import { z } from '@hono/zod-openapi';
import { LIMITS } from '../core/json.js';
import { decree, text } from './schemas.js';

export const ShredBody = z
  .strictObject({
    ...decree,
    subject: text('the subject', LIMITS.nameBytes).openapi({ description: 'As `subject` of the definitions says it' }),
  })
  .openapi('Shred');
export const ShreddedSchema = z
  .object({ sagas: z.number().openapi({ description: 'Sagas whose keys were shredded; 0: there is nothing of the subject any more' }) })
  .openapi('Shredded');

export type ShreddedView = z.infer<typeof ShreddedSchema>;
