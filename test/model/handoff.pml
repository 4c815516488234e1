/* Handoff and close of one client's ports (docs/protocol.md): a switch, two agents, one channel to each,
 * which may break once and lose what is in it. The client uses its ports for two connections in turn.
 *
 * Held:  a request runs on one server at most; no packet reaches a server that has another connection of
 *        these ports; each held packet leaves once, in order; when all is quiet, switch and agents agree.
 *
 * Bounds: two connections, three handoffs, PACKETS packets of a connection, two messages under way in each
 *        direction of a channel, one break of one channel or one new start of one agent.
 *
 * Each of these makes one mistake, which must be found:
 *   NO_ID          messages are matched by the client's ports, not by the handoff id
 *   RETRY_MAYBE    after `failed, maybe` another server is tried
 *   NO_REPEAT      ready, failed and close are sent once
 *   NO_CLOSE_BACK  a handoff that was given up is not taken back from its agent
 *   EARLY_FORWARD  packets are forwarded when the handoff was sent, not when it is ready
 *   NO_DRAIN       packets overtake those that were held
 *   CONFIRM_ALL    a confirmation clears all that is outstanding for its id
 *   NO_RESYNC      after a channel broke nobody compares what both have
 */
#define CONNECTIONS 2
#define IDS 4  /* handoff ids 1 to 3 */
#define AGENTS 2
#ifndef PACKETS
#define PACKETS 3
#endif /* of a connection: the request is number 0 */

/* of an entry at the switch */
#define FREE 0
#define HELD 1
#define DRAINING 2
#define FORWARD 3
#define CLOSED 4

/* of a connection at its agent, by handoff id */
#define UNKNOWN 0
#define REPLAYING 1
#define SERVING 2
#define OVER 3

#define B_READY 1
#define B_NO 2
#define B_MAYBE 4
#define B_CLOSE 8

mtype = { HANDOFF, READY, FAILED_NO, FAILED_MAYBE, CLOSE, CONFIRM, LIST, BROKEN };
chan to_agent[AGENTS] = [2] of { mtype, byte, byte };  /* type, id, connection or bit */
chan to_switch[AGENTS] = [2] of { mtype, byte, byte }; /* type, id, connection */

/* the switch */
byte entry = FREE, conn, eid, server, tried, sent, first_held, last_held;
byte next_id = 1, gone, asked_of[IDS];
bit owed[IDS];
bit old[IDS]; /* handoffs that began before the channel of their agent last came up */

/* the agents */
byte at[IDS], bits[IDS], conn_of[IDS];
bit broke; /* a channel breaks once */

/* what really happened */
byte ran[CONNECTIONS], delivered; /* of the connection that the switch has now: its next packet */

inline say_agent(a, type, id, what) {
  if :: nfull(to_agent[a]) -> to_agent[a]!type(id, what) :: full(to_agent[a]) -> skip fi
}

inline say_switch(a, type, id, what) {
  if :: nfull(to_switch[a]) -> to_switch[a]!type(id, what) :: full(to_switch[a]) -> skip fi
}

/* What nobody asks for any more is forgotten: states that differ in nothing else are one. */
inline over() {
  entry = CLOSED; eid = 0; server = 0; tried = 0; sent = 0; first_held = 0; last_held = 0; delivered = 0
}

/* A packet of the client's connection c, number n, leaves the switch towards agent a. */
inline deliver(a, c, n) {
  k = 1;
  do
  :: k < IDS && at[k] == SERVING && asked_of[k] == a ->
     assert(conn_of[k] == c);       /* never into another connection */
     assert(delivered == n);        /* in order, each once */
     delivered = n + 1; k = IDS
  :: k < IDS && !(at[k] == SERVING && asked_of[k] == a) -> k++
  :: k == IDS -> break
  od;
  k = 0
}

inline take_back(id) {
#ifndef NO_CLOSE_BACK
  owed[id] = 1; say_agent(asked_of[id], CLOSE, id, 0)
#else
  skip
#endif
}

/* Looks for a server that was not asked yet. */
inline try_next() {
  if
  :: tried != 3 && next_id < IDS ->
     if
     :: !(tried & 1) -> server = 0
     :: !(tried & 2) && next_id > 1 -> server = 1 /* the servers are alike: number 0 is the first */
     fi;
     tried = tried | (1 << server);
     eid = next_id; next_id++; asked_of[eid] = server; entry = HELD;
     if
     :: nfull(to_agent[server]) -> to_agent[server]!HANDOFF(eid, conn)
     :: full(to_agent[server]) -> over()  /* 503 */
     fi;
#ifdef EARLY_FORWARD
     if :: entry == HELD -> entry = FORWARD :: else fi
#endif
  :: else -> over()
  fi
}

#ifdef NO_ID
#define IS(id, a) (server == a)
#else
#define IS(id, a) (eid == id)
#endif

active proctype switch_control() {
  byte a, id, k; byte what;
end:
  do
  :: atomic { to_switch[0]?READY(id, what) -> a = 0; goto ready } 
  :: atomic { to_switch[1]?READY(id, what) -> a = 1; goto ready }
  :: atomic { to_switch[0]?FAILED_NO(id, what) -> a = 0; goto failed_no }
  :: atomic { to_switch[1]?FAILED_NO(id, what) -> a = 1; goto failed_no }
  :: atomic { to_switch[0]?FAILED_MAYBE(id, what) -> a = 0; goto failed_maybe }
  :: atomic { to_switch[1]?FAILED_MAYBE(id, what) -> a = 1; goto failed_maybe }
  :: atomic { to_switch[0]?CLOSE(id, what) -> a = 0; goto closed }
  :: atomic { to_switch[1]?CLOSE(id, what) -> a = 1; goto closed }
  :: atomic { to_switch[0]?CONFIRM(id, what) -> owed[id] = 0; id = 0; what = 0 }
  :: atomic { to_switch[1]?CONFIRM(id, what) -> owed[id] = 0; id = 0; what = 0 }
  :: atomic { to_switch[0]?LIST(id, what) -> a = 0; goto listed }
  :: atomic { to_switch[1]?LIST(id, what) -> a = 1; goto listed }
  :: atomic { to_switch[0]?BROKEN(id, what) -> a = 0; goto broken }
  :: atomic { to_switch[1]?BROKEN(id, what) -> a = 1; goto broken }
  /* the deadline of a handoff */
  :: atomic { entry == HELD -> take_back(eid); over() }
  /* what is owed is repeated */
  :: atomic { owed[1] && empty(to_agent[asked_of[1]]) -> say_agent(asked_of[1], CLOSE, 1, 0) }
  :: atomic { owed[2] && empty(to_agent[asked_of[2]]) -> say_agent(asked_of[2], CLOSE, 2, 0) }
  :: atomic { owed[3] && empty(to_agent[asked_of[3]]) -> say_agent(asked_of[3], CLOSE, 3, 0) }
  od;

ready:
  atomic {
    say_agent(a, CONFIRM, id, B_READY);
    if
    :: entry == HELD && IS(id, a) ->
#ifdef NO_DRAIN
       entry = FORWARD
#else
       entry = (first_held < last_held -> DRAINING : FORWARD)
#endif
    :: else
    fi;
    id = 0; what = 0; a = 0; goto end
  };
failed_no:
  atomic {
    say_agent(a, CONFIRM, id, B_NO);
    owed[id] = 0;
    if :: entry == HELD && IS(id, a) -> try_next() :: else fi;
    id = 0; what = 0; a = 0; goto end
  };
failed_maybe:
  atomic {
    say_agent(a, CONFIRM, id, B_MAYBE);
    owed[id] = 0;
    if
    :: entry == HELD && IS(id, a) ->
#ifdef RETRY_MAYBE
       try_next()
#else
       over()
#endif
    :: else
    fi;
    id = 0; what = 0; a = 0; goto end
  };
closed:
  atomic {
    say_agent(a, CONFIRM, id, B_CLOSE);
    owed[id] = 0;
    if
    :: (entry == HELD || entry == DRAINING || entry == FORWARD) && IS(id, a) ->
       assert(conn == conn_of[id]); /* no connection is ended for another */
       over()
    :: else
    fi;
    id = 0; what = 0; a = 0; goto end
  };
listed: /* id: what the agent has, 0 = nothing */
  atomic {
#ifndef NO_RESYNC
    if
    :: id != 0 && !(eid == id && (entry == HELD || entry == DRAINING || entry == FORWARD)) ->
       owed[id] = 1
    :: else
    fi;
    if
    :: (entry == DRAINING || entry == FORWARD) && server == a && eid != id && old[eid] ->
       over()
    :: else
    fi;
#endif
    id = 0; what = 0; a = 0; goto end
  };
broken: /* nobody knows what became of a handoff under way */
  atomic {
    old[1] = 1; old[2] = 1; old[3] = 1;
    if
    :: entry == HELD && server == a -> take_back(eid); over()
    :: else
    fi;
    id = 0; what = 0; a = 0; goto end
  }
}

/* The worker that sends what was held, and the packets of the client. */
active proctype client() {
  byte k;
  do
  :: atomic { gone < CONNECTIONS && (entry == FREE || entry == CLOSED) && next_id < IDS ->
       conn = gone; gone++; sent = 1; try_next() }
  :: atomic { sent > 0 && sent < PACKETS && (entry == HELD || entry == DRAINING) ->
       if :: first_held == last_held -> first_held = sent; last_held = sent :: else fi;
       last_held++; sent++ }
  :: atomic { sent > 0 && sent < PACKETS && entry == FORWARD ->
       assert(at[eid] == SERVING || at[eid] == OVER); /* its server knows it */
       deliver(server, conn, sent); sent++ }
  :: atomic { first_held < last_held && (entry == DRAINING || entry == FORWARD) ->
       deliver(server, conn, first_held); first_held++;
       if :: first_held == last_held && entry == DRAINING -> entry = FORWARD :: else fi }
  :: atomic { timeout -> goto quiet }
  od;
quiet:
  atomic {
    k = 1;
    do
    :: k < IDS ->
       /* nobody serves what the switch does not forward, nobody replays for ever */
       assert(at[k] != REPLAYING);
       assert(at[k] != SERVING || (entry == FORWARD && eid == k));
       assert(entry != FORWARD || at[eid] == SERVING);
       k++
    :: else -> break
    od;
    assert(entry != HELD && entry != DRAINING)
  }
}

inline begin(id, c) {
  /* another connection of these ports at this agent was given up: it is killed silently */
  k = 1;
  do
  :: k < id && asked_of[k] == me && (at[k] == SERVING || at[k] == REPLAYING) -> at[k] = OVER; k++
  :: k < id && !(asked_of[k] == me && (at[k] == SERVING || at[k] == REPLAYING)) -> k++
  :: k == id -> break
  od;
  k = 0;
  if :: at[id] == UNKNOWN -> at[id] = REPLAYING; conn_of[id] = c :: else fi
}

inline serve(id) {
  if :: conn_of[id] == conn && entry != CLOSED -> delivered = 1 :: else fi;
  ran[conn_of[id]]++;
  assert(ran[conn_of[id]] <= 1) /* a request must not run twice */
}

#define MINE(id) (asked_of[id] == me)

inline tell(id) {
  if
  :: bits[id] & B_READY -> say_switch(me, READY, id, 0)
  :: bits[id] & B_NO -> say_switch(me, FAILED_NO, id, 0)
  :: bits[id] & B_MAYBE -> say_switch(me, FAILED_MAYBE, id, 0)
  :: (bits[id] & B_CLOSE) && !(bits[id] & B_READY) -> say_switch(me, CLOSE, id, 0)
  fi;
#ifdef NO_REPEAT
  bits[id] = 0
#endif
}

inline forgets() {
  do
  :: k < IDS ->
     if :: MINE(k) && at[k] != UNKNOWN -> at[k] = OVER; bits[k] = 0 :: else fi; k++
  :: else -> break
  od;
  k = 1
}

/* The server's kernel, the server, and what must be told until it is confirmed. The first connection is
 * ended by its server, the second one stays. */
#define WORK(id) \
  :: atomic { MINE(id) && at[id] == REPLAYING -> \
       if \
       :: at[id] = SERVING; bits[id] = B_READY; serve(id) \
       :: at[id] = OVER; bits[id] = B_NO \
       :: at[id] = OVER; bits[id] = B_MAYBE \
       :: at[id] = OVER; bits[id] = B_MAYBE; serve(id) \
       fi } \
  :: atomic { MINE(id) && at[id] == SERVING && conn_of[id] == 0 -> \
       at[id] = OVER; bits[id] = bits[id] | B_CLOSE } \
  :: atomic { MINE(id) && bits[id] != 0 && empty(to_switch[me]) -> tell(id) }

active [AGENTS] proctype agent() {
  byte me = _pid - 2;
  byte id, what, k;
end:
  do
  :: atomic { to_agent[me]?HANDOFF(id, what) -> begin(id, what); id = 0; what = 0 }
  :: atomic { to_agent[me]?CLOSE(id, what) ->
       at[id] = OVER; bits[id] = 0;
       say_switch(me, CONFIRM, id, 0); id = 0; what = 0 }
  :: atomic { to_agent[me]?CONFIRM(id, what) ->
#ifdef CONFIRM_ALL
       bits[id] = 0;
#else
       bits[id] = bits[id] & (255 - what);
#endif
       id = 0; what = 0 }
  :: atomic { to_agent[me]?BROKEN(id, what) ->
       id = 0; k = 1;
       if
       :: skip
       :: forgets() /* not the channel broke, but the agent and what it served */
       fi;
       do
       :: k < IDS ->
          if :: MINE(k) && (at[k] == SERVING || at[k] == REPLAYING) -> id = k :: else fi; k++
       :: else -> break
       od;
       to_switch[me]!LIST(id, 0); id = 0; what = 0; k = 0 }
  WORK(1)
  WORK(2)
  WORK(3)
  od
}

inline empty_both(a) {
  do
  :: nempty(to_agent[a]) -> to_agent[a]?_,_,_
  :: nempty(to_switch[a]) -> to_switch[a]?_,_,_
  :: empty(to_agent[a]) && empty(to_switch[a]) -> break
  od;
  to_agent[a]!BROKEN(0, 0); to_switch[a]!BROKEN(0, 0)
}

/* A channel breaks, or none does. */
active proctype network() {
  if
  :: atomic { gone > 0 -> broke = 1; empty_both(0) }
  :: atomic { gone > 0 -> broke = 1; empty_both(1) }
  :: gone > 0
  fi
}
