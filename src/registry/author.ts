/** The client that changes content, for the event of the change. */
export interface Author {
  /** Name of the account; '' for a client without a login. */
  readonly actor: string;
  /** Network address; '' if no client caused the change. */
  readonly address: string;
  readonly requestId?: string | undefined;
}

/** Adds the time of the change, milliseconds since 1970. Without an author berth itself is the cause. */
export function dated(author: Author | undefined, at: number): Author & { readonly at: number } {
  return { actor: '', address: '', ...author, at };
}
