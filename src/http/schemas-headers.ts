import { z } from '@hono/zod-openapi';

/** One tag or several with commas between them, or `*`. */
const etags = z.string().optional();
export const SagaHeaders = z.object({ 'if-none-match': etags });
export const OperatorHeaders = z.object({ 'if-match': etags });
