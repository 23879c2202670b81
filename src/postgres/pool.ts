import type pg from 'pg';
import type { DataSource } from 'typeorm';

/** The pool under an initialized data source: TypeORM and the set-based SQL share it. */
export function poolOf(dataSource: DataSource): pg.Pool {
  return (dataSource.driver as unknown as { master: pg.Pool }).master;
}
