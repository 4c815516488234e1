/* Re-handoff of one client's connection (docs/protocol.md, section 5): a switch, two agents, one channel to each,
 * which may break once and lose what is in it. The client sends REQUESTS requests, each when the one before is
 * answered; request 1 is for server 1 alone. The switch asks for the connection because it must, because it
 * would rather, or because the server is drained (no request is there then).
 *
 * Held:  a request runs once at most, and only where it may; answers come in order; without a break every
 *        request is answered; when all is quiet, at most one agent has the connection, and the switch knows which.
 *
 * Left out: what handoff.pml has (failed handoffs, held packets, confirmations of ready and close), bytes and
 *        acknowledgments, pipelined requests, an agent that dies, the end of the connection.
 *
 * Each of these makes one mistake, which must be found:
 *   UNFINISHED     a connection is given back before the response is complete
 *   FIRST_BUSY     after one `busy` the request goes on, though another answer is under way
 *   FORBIDDEN      a next request goes to the server that has the connection, whatever the rules say
 *   NO_DATA        a connection is handed over without a request: a server that waits for data never takes it
 *   TWO_OWNERS     an agent that gives a connection back goes on with it
 *   RESET_TWICE    what is given back twice is reset
 *   NO_COMPARE     after a break nobody compares what both have
 *   ASK_AT_ONCE    an agent that is back is asked before it has told what it had
 */
#ifndef REQUESTS
#define REQUESTS 7
#endif
#define AGENTS 2
#define MAY(server, request) ((request) != 1 || (server) == 1)

/* the connection at the switch */
#define PARKED 0   /* nobody has it: also before the first request */
#define CHOOSING 1 /* a dispatcher is asked */
#define HANDING 2
#define SERVED 3
#define ASKED 4
#define ENDED 5

/* and at an agent */
#define NONE 0
#define REPLAYING 1
#define SERVING 2
#define RELEASED_IT 3

mtype = { HANDOFF, READY, RELEASE, RELEASED, BUSY, CLOSE, CONFIRM, LIST };
chan to_agent[AGENTS] = [5] of { mtype, byte, byte, bit }; /* type, id, requests, waits */
chan to_switch[AGENTS] = [5] of { mtype, byte };           /* type, id */

byte sent, got; /* requests of the client, answers that it has */

/* the switch */
byte sw = PARKED, owner, id, passed, unanswered;
bit must, with_choice, was_reset, drained, untold[AGENTS];

/* the agents */
byte at[AGENTS], aid[AGENTS], received[AGENTS], answered[AGENTS], wanted[AGENTS];
bit runs[AGENTS], waits_for[AGENTS];

bit broke;
byte ran[REQUESTS];

#define HERE (sent > passed)

#ifdef ASK_AT_ONCE
#define IS_TOLD 1
#else
#define IS_TOLD (!untold[owner])
#endif

/* What an agent gives back before it has told its list answers a question from before the break. */
inline ask() {
  sw = ASKED;
  if
  :: IS_TOLD -> unanswered++; to_agent[owner]!RELEASE(id, passed, must)
  :: else
  fi
}

inline reset_client() {
  sw = ENDED; was_reset = 1; unanswered = 0; must = 0; with_choice = 0;
  assert(broke) /* nothing else loses a connection */
}

inline hand_to(server) {
  id++; owner = server; sw = HANDING;
#ifdef NO_DATA
  to_agent[server]!HANDOFF(id, passed, HERE)
#else
  to_agent[server]!HANDOFF(id, passed, 1)
#endif
}

inline nobodys() {
  unanswered = 0; must = 0; with_choice = 0;
#ifdef NO_DATA
  sw = CHOOSING
#else
  sw = (HERE -> CHOOSING : PARKED)
#endif
}

active proctype switch_control() {
  byte a, about;
end:
  do
  /* the client */
  :: atomic { sent < REQUESTS && got == sent && !was_reset -> sent++;
       if
       :: sw == ASKED && len(to_agent[owner]) < 4 -> ask() /* its acknowledgment may be all that is waited for */
       :: else
       fi }
  :: atomic { sw == PARKED && HERE -> sw = CHOOSING }
  :: atomic { sw == CHOOSING && MAY(0, passed) -> hand_to(0) }
  :: atomic { sw == CHOOSING -> hand_to(1) }
  :: atomic { sw == SERVED && HERE ->
       if
#ifdef FORBIDDEN
       :: passed++
#else
       :: MAY(owner, passed) -> passed++
#endif
       :: MAY(owner, passed) && MAY(1 - owner, passed) -> with_choice = 1; ask()
       :: !MAY(owner, passed) -> must = 1; with_choice = 1; ask()
       fi }
  :: atomic { sw == SERVED && !HERE && !drained -> drained = 1; ask() }

  :: atomic { to_switch[0]?READY(about) -> a = 0; goto ready }
  :: atomic { to_switch[1]?READY(about) -> a = 1; goto ready }
  :: atomic { to_switch[0]?RELEASED(about) -> a = 0; goto released }
  :: atomic { to_switch[1]?RELEASED(about) -> a = 1; goto released }
  :: atomic { to_switch[0]?BUSY(about) -> a = 0; goto busy }
  :: atomic { to_switch[1]?BUSY(about) -> a = 1; goto busy }
  :: atomic { to_switch[0]?LIST(about) -> a = 0; goto listed }
  :: atomic { to_switch[1]?LIST(about) -> a = 1; goto listed }
  /* a channel breaks, both notice: what either said before they did is lost */
  :: atomic { !broke && sent > 0 -> broke = 1; a = 0; goto broken }
  :: atomic { !broke && sent > 0 -> broke = 1; a = 1; goto broken }
  od;

ready:
  atomic {
    if :: sw == HANDING && id == about -> sw = SERVED; if :: HERE -> passed++ :: else fi :: else fi;
    a = 0; about = 0; goto end
  };
released:
  atomic {
    to_agent[a]!CONFIRM(about, 0, 0);
    if
    :: sw == ASKED && id == about && owner == a && unanswered > 0 -> nobodys()
#ifndef NO_COMPARE
    :: (sw == SERVED || (sw == ASKED && unanswered == 0)) && id == about ->
       reset_client() /* a request may have gone to it since */
#endif
#ifdef RESET_TWICE
    :: sw == CHOOSING && id == about -> reset_client()
#endif
    :: else
    fi;
    a = 0; about = 0; goto end
  };
busy:
  atomic {
    if
    :: sw == ASKED && id == about && owner == a && !must && unanswered > 0 ->
       unanswered--;
#ifdef FIRST_BUSY
       unanswered = 0;
#endif
       if
       :: unanswered == 0 ->
          sw = SERVED;
          if :: with_choice -> passed++; with_choice = 0 :: else fi
       :: else
       fi
    :: else
    fi;
    a = 0; about = 0; goto end
  };
listed: /* what the agent has, 0 = nothing */
  atomic {
#ifndef NO_COMPARE
    if
    :: about != 0 && !(owner == a && id == about && sw >= HANDING && sw != ENDED) ->
       to_agent[a]!CLOSE(about, 0, 0)
    :: else
    fi;
    if
    :: owner == a && id != about && (sw == SERVED || sw == ASKED) -> reset_client()
    :: else
    fi;
#endif
    untold[a] = 0;
    if :: sw == ASKED && owner == a -> ask() :: else fi;
    a = 0; about = 0; goto end
  };
broken: /* what would only be better is left; the agent tells what it gave back, and what it has */
  atomic {
    do
    :: nempty(to_agent[a]) -> to_agent[a]?_,_,_,_
    :: nempty(to_switch[a]) -> to_switch[a]?_,_
    :: empty(to_agent[a]) && empty(to_switch[a]) -> break
    od;
    untold[a] = 1;
    if :: at[a] == RELEASED_IT -> to_switch[a]!RELEASED(aid[a]) :: else fi;
    to_switch[a]!LIST((at[a] == SERVING || at[a] == REPLAYING -> aid[a] : 0));
    if
    :: sw == HANDING && owner == a -> reset_client(); to_agent[a]!CLOSE(id, 0, 0)
    :: sw == ASKED && owner == a && !must ->
       unanswered = 0; sw = SERVED;
       if :: with_choice -> passed++; with_choice = 0 :: else fi
    :: else
    fi;
    a = 0; about = 0; goto end
  }
}

inline give_back() {
#ifdef TWO_OWNERS
  to_switch[me]!RELEASED(aid[me])
#else
  at[me] = RELEASED_IT; waits_for[me] = 0; to_switch[me]!RELEASED(aid[me])
#endif
}

#ifdef UNFINISHED
#define IS_DONE (received[me] == wanted[me])
#else
#define IS_DONE (received[me] == wanted[me] && answered[me] == wanted[me] && !runs[me])
#endif

inline forget() {
  at[me] = NONE; aid[me] = 0; received[me] = 0; answered[me] = 0; wanted[me] = 0; runs[me] = 0;
  waits_for[me] = 0
}

active [AGENTS] proctype agent() {
  byte me = _pid - 1;
  byte about, count;
  bit flag;
end:
  do
  :: atomic { to_agent[me]?HANDOFF(about, count, flag) ->
       forget(); /* one of these ports that it has still is killed silently */
       at[me] = REPLAYING; aid[me] = about; answered[me] = count; received[me] = count + flag;
       about = 0; count = 0; flag = 0 }
  :: atomic { to_agent[me]?RELEASE(about, count, flag) ->
       wanted[me] = count;
       if
       :: at[me] == SERVING && aid[me] == about ->
          if
          :: IS_DONE -> give_back()
          :: !IS_DONE && flag -> waits_for[me] = 1
          :: !IS_DONE && !flag -> to_switch[me]!BUSY(about)
          fi
       :: at[me] == RELEASED_IT && aid[me] == about -> to_switch[me]!RELEASED(about)
       :: else -> to_switch[me]!BUSY(about)
       fi;
       about = 0; count = 0; flag = 0 }
  :: atomic { to_agent[me]?CONFIRM(about, count, flag) ->
       if :: at[me] == RELEASED_IT && aid[me] == about -> forget() :: else fi;
       about = 0 }
  :: atomic { to_agent[me]?CLOSE(about, count, flag) ->
       if :: aid[me] == about -> forget() :: else fi;
       about = 0 }
  /* a kernel that has every handed byte; a listener may wait for some */
  :: atomic { at[me] == REPLAYING && received[me] > answered[me] && nfull(to_switch[me]) ->
       at[me] = SERVING; to_switch[me]!READY(aid[me]) }
  /* what the switch forwards */
  :: atomic { at[me] == SERVING && sw != HANDING && owner == me && id == aid[me] && received[me] < passed ->
       received[me]++ }
  :: atomic { at[me] == SERVING && !runs[me] && answered[me] < received[me] ->
       runs[me] = 1; ran[answered[me]]++;
       assert(ran[answered[me]] == 1);    /* none runs twice */
       assert(MAY(me, answered[me])) }    /* nor where it may not */
  :: atomic { at[me] == SERVING && runs[me] ->
       runs[me] = 0;
       if :: !was_reset -> assert(got == answered[me]); got++ :: else fi; /* in order */
       answered[me]++ }
  :: atomic { at[me] == SERVING && waits_for[me] && IS_DONE && nfull(to_switch[me]) -> give_back() }
  od
}

active proctype quiet() {
  atomic {
    timeout ->
    assert(was_reset || got == REQUESTS);
    assert(sw == SERVED || sw == PARKED || sw == ENDED);
    assert(sw != SERVED || (at[owner] == SERVING && aid[owner] == id));
    assert(at[0] == NONE || at[0] == RELEASED_IT || (sw == SERVED && owner == 0));
    assert(at[1] == NONE || at[1] == RELEASED_IT || (sw == SERVED && owner == 1))
  }
}
