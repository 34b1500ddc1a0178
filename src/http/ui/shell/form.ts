import type { Request, RequestHandler } from 'express';
import { smallBody } from '../../transfer/body.ts';

const largestFormBytes = 64 * 1024;

/** Reads the form of a request for `formOf`: at most 64 KiB. */
export const readForm: RequestHandler = async (request, response, next) => {
  if (request.is('application/x-www-form-urlencoded'))
    request.body = (await smallBody(request, response, largestFormBytes)).toString();
  next();
};

/** Returns the fields of the form that `readForm` has read; none without a form. */
export function formOf({ body }: Request): URLSearchParams {
  const text = body as unknown;
  return new URLSearchParams(typeof text === 'string' ? text : '');
}
