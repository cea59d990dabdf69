%% The scenarios as gen_servers: what a platform built for actors does on the same machine.
%% run(Scenario, Numbers) prints the microseconds that were measured and ends the node.
-module(greenroom_bench).
-behaviour(gen_server).
-export([run/2, init/1, handle_call/3, handle_cast/2]).

run(Scenario, Numbers) ->
    io:format("~w~n", [apply(fun scenario/2, [Scenario, Numbers])]),
    halt(0).

start(State) ->
    {ok, Pid} = gen_server:start(?MODULE, State, []),
    Pid.

timed(Work) ->
    Began = erlang:monotonic_time(microsecond),
    Work(),
    erlang:monotonic_time(microsecond) - Began.

done() ->
    receive done -> ok after 55000 -> exit(lost_messages) end.

times(0, _) -> ok;
times(N, Work) -> Work(N), times(N - 1, Work).

%% Scenarios ------------------------------------------------------------------------------------

scenario(count, [Messages]) ->
    Counter = start({counter, Messages, self()}),
    timed(fun() ->
        times(Messages, fun(N) -> gen_server:cast(Counter, N) end),
        done()
    end);
scenario(ring, [Hops, Size]) ->
    Main = self(),
    Last = start({node, none, Main}),
    First = lists:foldl(fun(_, Next) -> start({node, Next, Main}) end, Last, lists:seq(2, Size)),
    gen_server:call(Last, {successor, First}),
    timed(fun() -> gen_server:cast(First, {hop, Hops - 1}), done() end);
scenario(ask_between_actors, [Asks]) ->
    Target = start(echo),
    Asker = start({asker, Target}),
    gen_server:call(Asker, {ask, Asks}, infinity);
scenario(ask_from_process, [Asks]) ->
    Target = start(echo),
    timed(fun() -> times(Asks, fun(N) -> gen_server:call(Target, N) end) end);
scenario(lives, [Actors]) ->
    timed(fun() ->
        Pids = [start(echo) || _ <- lists:seq(1, Actors)],
        [gen_server:cast(Pid, 0) || Pid <- Pids],
        [gen_server:call(Pid, 1) || Pid <- Pids],
        [gen_server:stop(Pid) || Pid <- Pids]
    end);
scenario(chain, [Length]) ->
    First = lists:foldl(
        fun(_, Next) -> start({link, Next}) end, start({link, none}), lists:seq(2, Length)
    ),
    timed(fun() -> Length = gen_server:call(First, depth, infinity) end);
scenario(fan_in, [Messages, Producers]) ->
    Each = max(1, Messages div Producers),
    Counter = start({counter, Each * Producers, self()}),
    Pids = [start({producer, Counter}) || _ <- lists:seq(1, Producers)],
    timed(fun() -> [gen_server:cast(Pid, {produce, Each}) || Pid <- Pids], done() end);
scenario(fork_join, [Actors]) ->
    %% No shared counter in Erlang: every actor tells a counter, one message more than the others send.
    Counter = start({counter, Actors, self()}),
    timed(fun() ->
        times(Actors, fun(N) -> gen_server:cast(start({leaf, Counter}), N) end),
        done()
    end);
scenario(big, [Messages, Actors]) ->
    Pings = max(1, Messages div (2 * Actors)),
    Counter = start({counter, Actors, self()}),
    Pids = list_to_tuple([start({pinger, Pings, Counter}) || _ <- lists:seq(1, Actors)]),
    All = tuple_to_list(Pids),
    [gen_server:call(Pid, {table, Pids}) || Pid <- All],
    timed(fun() -> [gen_server:cast(Pid, pong) || Pid <- All], done() end);
scenario(idle_bytes, [Actors]) ->
    Before = erlang:memory(total),
    Pids = [start(echo) || _ <- lists:seq(1, Actors)],
    [gen_server:call(Pid, 1) || Pid <- Pids],
    (erlang:memory(total) - Before) div Actors.

%% Actors ---------------------------------------------------------------------------------------

init(State) -> {ok, State}.

handle_call({successor, Next}, _From, {node, none, Main}) ->
    {reply, ok, {node, Next, Main}};
handle_call({table, Pids}, _From, {pinger, Pings, Counter}) ->
    {reply, ok, {pinger, Pings, Counter, Pids}};
handle_call({ask, Asks}, _From, {asker, Target} = State) ->
    Micros = timed(fun() -> times(Asks, fun(N) -> gen_server:call(Target, N) end) end),
    {reply, Micros, State};
handle_call(depth, _From, {link, none} = State) ->
    {reply, 1, State};
handle_call(depth, _From, {link, Next} = State) ->
    {reply, gen_server:call(Next, depth, infinity) + 1, State};
handle_call(Message, _From, State) ->
    {reply, Message, State}.

handle_cast(_Message, {counter, 1, Main}) ->
    Main ! done,
    {noreply, {counter, 0, Main}};
handle_cast(_Message, {counter, Left, Main}) ->
    {noreply, {counter, Left - 1, Main}};
handle_cast({hop, 0}, {node, _Next, Main} = State) ->
    Main ! done,
    {noreply, State};
handle_cast({hop, Left}, {node, Next, _Main} = State) ->
    gen_server:cast(Next, {hop, Left - 1}),
    {noreply, State};
handle_cast({produce, Count}, {producer, Counter} = State) ->
    times(Count, fun(N) -> gen_server:cast(Counter, N) end),
    {noreply, State};
handle_cast(Message, {leaf, Counter} = State) ->
    gen_server:cast(Counter, Message),
    {noreply, State};
handle_cast({ping, From}, State) ->
    gen_server:cast(From, pong),
    {noreply, State};
handle_cast(pong, {pinger, 0, Counter, Pids}) ->
    gen_server:cast(Counter, finished),
    {noreply, {pinger, 0, Counter, Pids}};
handle_cast(pong, {pinger, Left, Counter, Pids}) ->
    gen_server:cast(element(rand:uniform(tuple_size(Pids)), Pids), {ping, self()}),
    {noreply, {pinger, Left - 1, Counter, Pids}};
handle_cast(_Message, State) ->
    {noreply, State}.
