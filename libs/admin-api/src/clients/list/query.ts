import { type ClientListQuery, type ClientSort, clientSorts, ReachbackError } from '#contracts';
import { decodeCursor } from '../../paging.js';
import type { PageQuery, Place } from './search.js';

/** `-since` is `since`, descending. */
export const toSort = (sort: ClientListQuery['sort']): Pick<PageQuery, 'sort' | 'isDescending'> => {
  const name = clientSorts.find((one) => one === sort.replace('-', ''));
  return { sort: name ?? 'id', isDescending: sort.startsWith('-') };
};

/** @throws {ReachbackError} `bad_request` when the cursor is of another sort */
export const toPlace = (cursor: string, sort: ClientSort): Place => {
  const [sortedBy = '', id = ''] = decodeCursor(cursor, 2);
  const isTime = sort === 'since' || sort === 'registeredAt';
  if (isTime && !/^\d{4,6}-\d{2}-\d{2}T[\d:.]{15}Z$/.test(sortedBy)) {
    throw new ReachbackError('bad_request', 'cursor: is none of this sort', undefined, 'cursor');
  }
  return { sortedBy, id };
};
