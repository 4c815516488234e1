interface Place<Thing> {
  ticket: number;
  thing: Thing;
}

/**
 * Who waits, in the order of their tickets, whenever they join: who was called, got nothing and comes back
 * has the place that he had.
 */
export class Line<Thing> {
  private places: Place<Thing>[] = [];
  private readonly tickets = new Map<Thing, number>();

  get length(): number {
    return this.places.length;
  }

  has(thing: Thing): boolean {
    return this.tickets.has(thing);
  }

  /** Whether somebody waits whose ticket is older. */
  isBehind(ticket: number): boolean {
    const first = this.places[0];
    return first !== undefined && first.ticket < ticket;
  }

  /** Each thing stands in it once; each has a ticket of its own. */
  join(thing: Thing, ticket: number): void {
    this.tickets.set(thing, ticket);
    this.places.splice(this.placeOf(ticket), 0, { ticket, thing });
  }

  /** False: it was not there. */
  leave(thing: Thing): boolean {
    const ticket = this.tickets.get(thing);
    if (ticket === undefined) return false;
    this.tickets.delete(thing);
    this.places.splice(this.placeOf(ticket), 1);
    return true;
  }

  /** All, the oldest ticket first; what joins and leaves meanwhile changes nothing in it. */
  inOrder(): Thing[] {
    return this.places.map(({ thing }) => thing);
  }

  /** The youngest of which that is true. */
  last(isIt: (thing: Thing) => boolean): Thing | undefined {
    return this.places.findLast(({ thing }) => isIt(thing))?.thing;
  }

  /** Where the first stands whose ticket is not older. */
  private placeOf(ticket: number): number {
    let [low, high] = [0, this.places.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.places[middle]!.ticket < ticket) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
