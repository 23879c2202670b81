/** A version of a saga definition. */
export interface DefinitionRef {
  readonly name: string;
  readonly version: number;
}
