/* Update and close (docs/protocol.md, section 6): a switch in front that reads nothing, the distributor that gets
 * the connections of one client's ports, and the agent of another host to which it hands them. The client uses
 * its ports for CONNECTIONS connections in turn, told apart by their ISN. The channel of each host to the
 * switch in front may break once and lose what is in it.
 *
 * Held:  no packet reaches an agent that has not said ready for its connection; the distributor drops no packet
 *        of a connection that a server has; nothing a former connection is told ends or moves the next one;
 *        when all is quiet, the switch in front and the distributor have no entry open that no server has.
 *
 * Left out: the channel between distributor and agent breaks nowhere (handoff.pml), handoffs to the
 *        distributor's own host (nobody is told), several distributors, the lists at a reconnect, a switch in
 *        front that starts anew, the sweep of what has lingered.
 *
 * Each of these makes one mistake, which must be found:
 *   UPDATE_EARLY   the update is sent with the handoff
 *   STOP_EARLY     the distributor forwards no more when it has sent the update
 *   NO_REPEAT      updates and closes are sent once
 *   OLD_CLOSE      a close is taken for whatever connection has the ports
 *   OLD_UPDATE     an update, too
 *   LATE_UPDATE    an update opens what is closed
 *   NO_CLOSE       an agent tells only the distributor that a connection is over
 */
#ifndef CONNECTIONS
#define CONNECTIONS 3
#endif
#ifndef PACKETS
#define PACKETS 3 /* of a connection: number 0 opens it */
#endif

/* of an entry at the switch in front and at the distributor */
#define FREE 0
#define CLOSED 1
#define TO_HOST 2   /* in front: to the distributor that reads its request */
#define TO_SERVER 3 /* both: to the agent that has the connection */
#define HANDING 4   /* distributor */
#define PASSED 5    /* distributor: what comes is late */

/* of a connection at the agent */
#define UNKNOWN 0
#define REPLAYING 1
#define SERVING 2
#define OVER 3

/* what is owed until it is confirmed */
#define B_UPDATE 1
#define B_CLOSE 2

mtype = { UPDATE, CLOSE, CONFIRM, HANDOFF, READY, FAILED };
/* type, connection, what is confirmed */
chan front_host = [2] of { mtype, byte, byte };
chan host_front = [2] of { mtype, byte };
chan front_agent = [2] of { mtype, byte, byte };
chan agent_front = [2] of { mtype, byte };
chan host_agent = [3] of { mtype, byte };
chan agent_host = [3] of { mtype, byte };
/* packets on their way: connection, number */
chan to_host = [1] of { byte, byte };
chan to_agent = [1] of { byte, byte };

byte begun, sent; /* connections of the client, packets of the newest */
byte front = FREE, front_of;
byte host = FREE, host_of;
byte at[CONNECTIONS], agent_owes[CONNECTIONS], host_owes[CONNECTIONS];
bit confirmed[CONNECTIONS], broke_host, broke_agent;

#define NEWEST (begun - 1)
#define IS_OVER (begun == 0 || at[NEWEST] == OVER)

inline say(channel, type, about) {
  if :: nfull(channel) -> channel!type(about) :: full(channel) fi
}

inline confirm(channel, about, bits) {
  if :: nfull(channel) -> channel!CONFIRM(about, bits) :: full(channel) fi
}

/* The client begins, and goes on; its packets come to the switch in front. */
active proctype client() {
end:
  do
  :: atomic { begun < CONNECTIONS && IS_OVER && front != TO_HOST && front != TO_SERVER && empty(to_host) &&
       empty(to_agent) -> begun++; sent = 1; front = TO_HOST; front_of = NEWEST; to_host!NEWEST, 0 }
  :: atomic { sent > 0 && sent < PACKETS && front == TO_HOST && front_of == NEWEST && nfull(to_host) ->
       to_host!NEWEST, sent; sent++ }
  :: atomic { sent > 0 && sent < PACKETS && front == TO_SERVER && front_of == NEWEST && nfull(to_agent) ->
       to_agent!NEWEST, sent; sent++ }
  :: atomic { timeout ->
       assert(front != TO_HOST || at[front_of] != OVER);
       assert(front != TO_SERVER || at[front_of] == SERVING);
       assert(host == FREE || host == CLOSED || at[host_of] == SERVING);
       assert(host != TO_SERVER || front != TO_SERVER || host_of != front_of);
       break }
  od
}

active proctype switch_in_front() {
  byte c;
end:
  do
  :: atomic { host_front?UPDATE(c) ->
       confirm(front_host, c, B_UPDATE);
       if
#ifdef OLD_UPDATE
       :: front == TO_HOST -> front = TO_SERVER
#endif
#ifdef LATE_UPDATE
       :: front == CLOSED && front_of == c -> front = TO_SERVER
#endif
       :: front == TO_HOST && front_of == c -> front = TO_SERVER
       :: else
       fi;
       c = 0 }
  :: atomic { host_front?CLOSE(c) -> confirm(front_host, c, B_CLOSE); goto closes }
  :: atomic { agent_front?CLOSE(c) -> confirm(front_agent, c, B_CLOSE); goto closes }
  od;
closes:
  atomic {
    if
#ifdef OLD_CLOSE
    :: front == TO_HOST || front == TO_SERVER -> assert(at[front_of] == OVER); front = CLOSED
#else
    :: (front == TO_HOST || front == TO_SERVER) && front_of == c -> front = CLOSED
#endif
    :: else
    fi;
    c = 0; goto end
  }
}

inline owe(c, bits) {
  host_owes[c] = host_owes[c] | bits;
  if
  :: bits == B_UPDATE -> say(host_front, UPDATE, c)
  :: bits == B_CLOSE -> say(host_front, CLOSE, c)
  fi;
#ifdef NO_REPEAT
  host_owes[c] = 0
#endif
}

#ifdef UPDATE_EARLY
#define UPDATES_AT_HANDOFF 1
#else
#define UPDATES_AT_HANDOFF 0
#endif

active proctype distributor() {
  byte c, n;
end:
  do
  :: atomic { to_host?c, n ->
       if
       :: n == 0 && (host == FREE || host == CLOSED) ->
          host = HANDING; host_of = c; host_agent!HANDOFF(c);
          if :: UPDATES_AT_HANDOFF -> owe(c, B_UPDATE) :: else fi
#ifdef STOP_EARLY
       :: host_of == c && host == PASSED -> assert(confirmed[c] || at[c] == OVER)
#endif
       :: n > 0 && host_of == c && (host == TO_SERVER || host == PASSED) -> assert(at[c] >= SERVING)
       :: else /* held, or its client repeats it */
       fi;
       c = 0; n = 0 }
  :: atomic { agent_host?READY(c) ->
       if
       :: host == HANDING && host_of == c ->
#ifdef STOP_EARLY
          host = PASSED;
#else
          host = TO_SERVER;
#endif
          owe(c, B_UPDATE)
       :: else
       fi;
       c = 0 }
  :: atomic { agent_host?FAILED(c) ->
       if :: host == HANDING && host_of == c -> host = CLOSED; owe(c, B_CLOSE) :: else fi;
       c = 0 }
  :: atomic { agent_host?CLOSE(c) ->
       if :: host_of == c -> host = CLOSED :: else fi;
       c = 0 }
  :: atomic { front_host?CONFIRM(c, n) ->
       host_owes[c] = host_owes[c] & (255 - n);
       if
       :: n == B_UPDATE -> confirmed[c] = 1; if :: host == TO_SERVER && host_of == c -> host = PASSED :: else fi
       :: else
       fi;
       c = 0; n = 0 }
  /* what is owed is repeated */
  :: atomic { host_owes[0] != 0 && empty(host_front) && empty(front_host) -> owe(0, host_owes[0]) }
  :: atomic { CONNECTIONS > 1 && host_owes[1] != 0 && empty(host_front) && empty(front_host) -> owe(1, host_owes[1]) }
  :: atomic { CONNECTIONS > 2 && host_owes[2] != 0 && empty(host_front) && empty(front_host) -> owe(2, host_owes[2]) }
  /* its channel breaks */
  :: atomic { !broke_host && begun > 0 -> broke_host = 1;
       do
       :: nempty(host_front) -> host_front?_, _
       :: nempty(front_host) -> front_host?_, _, _
       :: empty(host_front) && empty(front_host) -> break
       od }
  od
}

inline tell_end(c) {
  at[c] = OVER; agent_host!CLOSE(c);
#ifndef NO_CLOSE
  agent_owes[c] = B_CLOSE; say(agent_front, CLOSE, c);
#endif
#ifdef NO_REPEAT
  agent_owes[c] = 0
#endif
}

active proctype agent() {
  byte c, n;
end:
  do
  :: atomic { to_agent?c, n -> assert(at[c] == SERVING || at[c] == OVER); c = 0; n = 0 }
  :: atomic { host_agent?HANDOFF(c) -> at[c] = REPLAYING; c = 0 }
  :: atomic { begun > 0 && at[NEWEST] == REPLAYING && nfull(agent_host) ->
       if
       :: at[NEWEST] = SERVING; agent_host!READY(NEWEST)
       :: at[NEWEST] = OVER; agent_host!FAILED(NEWEST)
       fi }
  /* the last connection may stay */
  :: atomic { begun > 0 && at[NEWEST] == SERVING && len(agent_host) < 2 -> tell_end(NEWEST) }
  :: atomic { front_agent?CONFIRM(c, n) -> agent_owes[c] = 0; c = 0; n = 0 }
  :: atomic { agent_owes[0] != 0 && empty(agent_front) && empty(front_agent) -> say(agent_front, CLOSE, 0) }
  :: atomic { CONNECTIONS > 1 && agent_owes[1] != 0 && empty(agent_front) && empty(front_agent) ->
       say(agent_front, CLOSE, 1) }
  :: atomic { CONNECTIONS > 2 && agent_owes[2] != 0 && empty(agent_front) && empty(front_agent) ->
       say(agent_front, CLOSE, 2) }
  :: atomic { !broke_agent && begun > 0 -> broke_agent = 1;
       do
       :: nempty(agent_front) -> agent_front?_, _
       :: nempty(front_agent) -> front_agent?_, _, _
       :: empty(agent_front) && empty(front_agent) -> break
       od }
  od
}
