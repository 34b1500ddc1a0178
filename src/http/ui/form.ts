import express, { type Request, type RequestHandler } from 'express';

const largestForm = '16kb';

export const readForm: RequestHandler = express.text({ type: 'application/x-www-form-urlencoded', limit: largestForm });

/** The fields of the form that `readForm` has read. */
export function formOf({ body }: Request): URLSearchParams {
  const text = body as unknown;
  return new URLSearchParams(typeof text === 'string' ? text : '');
}
