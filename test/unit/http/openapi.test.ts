import { describe, expect, it } from '@jest/globals';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Api } from './api.js';

interface Operation {
  readonly summary?: string;
  readonly responses: Readonly<Record<string, unknown>>;
}
interface Described {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

/** They answer whoever asks, with one thing. */
const REFUSES_NOTHING = ['/healthz', '/readyz', '/metrics'];

describe('/openapi.json', () => {
  const api = new Api();
  const described = async () => (await api.get('/openapi.json')).body as Described;

  it('is a valid description by OpenAPI 3.1', async () => {
    const validator = new Validator();
    const { valid, errors } = await validator.validate((await described()) as unknown as Record<string, unknown>);
    expect([valid, errors, validator.version]).toEqual([true, undefined, '3.1']);
  });

  it('has every call that is served, each with a summary and its refusals', async () => {
    const { paths } = await described();
    const served = api.app.routes.filter(({ method, path }) => method !== 'ALL' && path !== '/openapi.json');
    const found = served.map(({ method, path }) => {
      const where = path.replace(/:(\w+)(?:\{[^}]*\})?/g, '{$1}');
      const { summary, responses = {} } = paths[where]?.[method.toLowerCase()] ?? {};
      const refuses = ['4XX', '5XX'].every((status) => status in responses) || REFUSES_NOTHING.includes(where);
      return { call: `${method} ${where}`, isSummed: summary !== undefined, refuses };
    });
    expect(found.length).toBeGreaterThan(15);
    expect(found.filter(({ isSummed, refuses }) => !isSummed || !refuses)).toEqual([]);
  });
});
