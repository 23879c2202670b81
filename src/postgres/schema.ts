import { SagaError } from '../core/errors.js';
import type { DataSource } from 'typeorm';

/** A namespace is a PostgreSQL schema and part of queue names, so it is kept simple. */
const NAMESPACE = /^[a-z][a-z0-9_]{0,47}$/;

/** The schema that a namespace stands for, quoted for SQL. Throws SAGA_CONFIG_INVALID for what cannot be one. */
export function quotedSchema(namespace: string): string {
  if (!NAMESPACE.test(namespace))
    throw new SagaError(
      'SAGA_CONFIG_INVALID',
      `the namespace ${JSON.stringify(namespace)} is not usable: lower-case letters, digits and _, at most 48, a letter first`,
    );
  return `"${namespace}"`;
}

/** The namespace of a data source made by this package. */
export function namespaceOf(dataSource: DataSource): string {
  const { schema } = dataSource.options as { schema?: string };
  return schema ?? 'public';
}

/** Its quoted schema. */
export function schemaOf(dataSource: DataSource): string {
  return quotedSchema(namespaceOf(dataSource));
}

const UNIQUE_VIOLATION = '23505';

/**
 * Makes the data source's schema where it is missing. Safe when several processes do it at once: PostgreSQL's `if not exists` waits for one
 * that is being made by another transaction, and then fails.
 */
export async function createSchema(dataSource: DataSource): Promise<void> {
  const make = () => dataSource.query(`create schema if not exists ${schemaOf(dataSource)}`);
  try {
    await make();
  } catch (error: unknown) {
    if ((error as { readonly code?: unknown }).code !== UNIQUE_VIOLATION) throw error;
    await make();
  }
}
