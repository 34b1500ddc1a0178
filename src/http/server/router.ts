import express, { type RequestHandler, type Router } from 'express';
import { OciError } from '../../oci/errors.ts';

/** Creates an Express router whose paths are case-sensitive, as those of the registry protocol are. */
export function createRouter(): Router {
  return express.Router({ caseSensitive: true });
}

/** Refuses every request with 405. `methods`: those that the path has. Registered after them. */
export function methodNotAllowed(methods: readonly string[]): RequestHandler {
  const allow = methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])).join(', ');
  return ({ method }) => {
    throw new OciError('UNSUPPORTED', { message: `${method} is not supported here`, headers: { Allow: allow } });
  };
}
