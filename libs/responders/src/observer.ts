import type { ErrorCode, RequestKind } from '#contracts';

/** A request that is answered. */
export type AnsweredRequest = {
  readonly kind: RequestKind;
  /** `ok`, or the code of the error that it was answered with. */
  readonly outcome: 'ok' | ErrorCode;
  /** From its arrival here to its answer. */
  readonly seconds: number;
};

/** Hears of what responders do. Nothing it does may fail. */
export type RequestObserver = {
  readonly answered: (request: AnsweredRequest) => void;
  readonly rejected: (counts: ReadonlyMap<ErrorCode, number>) => void;
};
