import express, { type Router } from 'express';

/** Creates an Express router whose paths are case-sensitive, as those of the registry protocol are. */
export function createRouter(): Router {
  return express.Router({ caseSensitive: true });
}
