export { SagaIdGenerator } from './telemetry/span-ids.js';
export type { IdSource } from './telemetry/span-ids.js';
