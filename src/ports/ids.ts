/** New identities. */
export interface Ids {
  /** A UUIDv7: ordered by time, which keeps indexes and partitions local. */
  sagaId(): string;
}
