/** The client ended the connection before its request or its response was complete: nobody's fault here. */
export class ClientGone extends Error {
  override readonly name = 'ClientGone';

  constructor(options?: ErrorOptions) {
    super('the client is gone', options);
  }
}
