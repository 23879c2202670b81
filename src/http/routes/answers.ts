import type { z } from '@hono/zod-openapi';
import { ProblemSchema } from '../schemas.js';

const problem = {
  description: 'A problem; `code` says which',
  content: { 'application/problem+json': { schema: ProblemSchema } },
} as const;

/** The refusals that every call may answer with. */
export const refusals = { '4XX': problem, '5XX': problem } as const;

/** An answer in JSON. */
export function answer<T extends z.ZodType>(schema: T, description: string) {
  return { description, content: { 'application/json': { schema } } } as const;
}

/** A body in JSON that must be there. */
export function body<T extends z.ZodType>(schema: T) {
  return { required: true, content: { 'application/json': { schema } } } as const;
}
