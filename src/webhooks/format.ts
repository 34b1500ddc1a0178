/** The body of a request to a receiver. */
export interface Body {
  readonly contentType: string;
  readonly bytes: Buffer;
}

/** Where messages come from. */
export interface Place {
  /** URL of the registry for clients, without a slash at the end. */
  readonly url: string;
  /** Host and port of this process. */
  readonly node: string;
  /** Id of this process: another one after each start. */
  readonly instance: string;
}
