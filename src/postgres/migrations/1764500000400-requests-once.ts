import type { MigrationInterface } from 'typeorm';

/**
 * The tables stay as they are: a row's state may say of a request that it is the saga's input instead of holding it again. Daemons of before
 * cannot read that, and learn by this that the schema is newer.
 */
export class RequestsOnce1764500000400 implements MigrationInterface {
  readonly name = 'RequestsOnce1764500000400';

  async up(): Promise<void> {}

  async down(): Promise<void> {}
}
