import type { Request, RequestHandler } from 'express';
import { smallBody } from '../../transfer/small-body.ts';

const largestFormBytes = 64 * 1024;
/** A README has at most 64 KiB, of which each byte may be three in a form. */
const largestTextFormBytes = 256 * 1024;

/** Reads the form of a request for `formOf`: at most 64 KiB, and 256 KiB with the README of a repository. */
export const readForm: RequestHandler = async (request, response, next) => {
  if (request.is('application/x-www-form-urlencoded'))
    request.body = (await smallBody(request, response, limitOf(request))).toString();
  next();
};

function limitOf({ path }: Request): number {
  return path.endsWith('/-/settings/description') ? largestTextFormBytes : largestFormBytes;
}

/** Returns the fields of the form that `readForm` has read; none without a form. */
export function formOf({ body }: Request): URLSearchParams {
  const text = body as unknown;
  return new URLSearchParams(typeof text === 'string' ? text : '');
}
