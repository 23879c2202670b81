import { createRoute } from '@hono/zod-openapi';
import { reaches } from '../../access/principal.js';
import type { HttpApp, HttpContext } from '../context.js';
import { FiguresReading } from '../figures-reading.js';
import { figuresView } from '../figures-view.js';
import { FiguresSchema } from '../schemas-figures.js';
import { answer, refusals } from './answers.js';

const figures = createRoute({
  method: 'get',
  path: '/api/v1/figures',
  summary: 'How the newest finished sagas of what is loaded went: how often steps and participants failed, and how long steps took',
  responses: { 200: answer(FiguresSchema, 'Read within the last minute'), ...refusals },
});

/** Of the whole installation: from the database. */
export function addFiguresRoute(app: HttpApp, { service, store }: HttpContext): void {
  const reading = new FiguresReading(store, () => service.definitions);
  app.openapi(figures, async (c) => {
    const reached = service.definitions.filter(({ name }) => reaches(c.get('principal'), name));
    return c.json(figuresView(await reading.read(), reached), 200);
  });
}
