import type { IncomingMessage } from 'node:http';

/** What the frame of a view shows of its visitor. */
export interface FrameVisitor {
  /** Name of the user that is signed in; '' for none. */
  readonly name: string;
  /** True if the visitor may see `/ui/admin`. */
  readonly administers: boolean;
  /** Why content cannot be changed, '' for no reason; undefined while it can be changed. */
  readonly readOnlyReason?: string | undefined;
}

const visitors = new WeakMap<IncomingMessage, FrameVisitor>();

/** Notes the visitor of a request for the frame of its view. */
export function noteVisitor(request: IncomingMessage, visitor: FrameVisitor): void {
  visitors.set(request, visitor);
}

/** Returns the visitor of a request; one who may nothing if nobody is known. */
export function visitorOf(request: IncomingMessage): FrameVisitor {
  return visitors.get(request) ?? { name: '', administers: false };
}
