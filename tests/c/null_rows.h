/* A call for each argument that is a pointer, with NULL there: ROW(function, argument, call).
 * A test compares them with the header. Included where ROW is defined. */
ROW(chatproto_config_new, name,
        chatproto_config_new(NO_TEXT, &o->out_config))
ROW(chatproto_config_new, config,
        chatproto_config_new(NAME, NULL))
ROW(chatproto_config_add_user, config,
        chatproto_config_add_user(NULL, NAME, NAME, NAME, NAME))
ROW(chatproto_config_add_user, name,
        chatproto_config_add_user(o->config, NO_TEXT, NAME, NAME, NAME))
ROW(chatproto_config_add_user, password,
        chatproto_config_add_user(o->config, NAME, NO_TEXT, NAME, NAME))
ROW(chatproto_config_add_user, display_name,
        chatproto_config_add_user(o->config, NAME, NAME, NO_TEXT, NAME))
ROW(chatproto_config_add_user, country,
        chatproto_config_add_user(o->config, NAME, NAME, NAME, NO_TEXT))
ROW(chatproto_config_add_peer, config,
        chatproto_config_add_peer(NULL, &o->peer))
ROW(chatproto_config_add_peer, peer,
        chatproto_config_add_peer(o->config, NULL))
ROW(chatproto_config_set_limit, config,
        chatproto_config_set_limit(NULL, NAME, 1))
ROW(chatproto_config_set_limit, name,
        chatproto_config_set_limit(o->config, NO_TEXT, 1))
ROW(chatproto_config_limit, config,
        chatproto_config_limit(NULL, NAME, &o->number))
ROW(chatproto_config_limit, name,
        chatproto_config_limit(o->config, NO_TEXT, &o->number))
ROW(chatproto_config_limit, value,
        chatproto_config_limit(o->config, NAME, NULL))
ROW(chatproto_config_set_passwords, config,
        chatproto_config_set_passwords(NULL, 1))
ROW(chatproto_config_set_password_cost, config,
        chatproto_config_set_password_cost(NULL, 1, 1, 1))
ROW(chatproto_config_set_detail, config,
        chatproto_config_set_detail(NULL, 1))
ROW(chatproto_config_set_key, config,
        chatproto_config_set_key(NULL, o->key))
ROW(chatproto_config_set_key, key,
        chatproto_config_set_key(o->config, NULL))
ROW(chatproto_config_set_store_file, config,
        chatproto_config_set_store_file(NULL, NAME, 1))
ROW(chatproto_config_set_store_file, path,
        chatproto_config_set_store_file(o->config, NO_TEXT, 1))
ROW(chatproto_config_set_store_memory, config,
        chatproto_config_set_store_memory(NULL))
ROW(chatproto_config_set_seed, config,
        chatproto_config_set_seed(NULL, o->seed))
ROW(chatproto_config_set_seed, seed,
        chatproto_config_set_seed(o->config, NO_BYTES))
ROW(chatproto_config_set_start, config,
        chatproto_config_set_start(NULL, o->now))
ROW(chatproto_frames_count, frames,
        chatproto_frames_count(NULL, &o->count))
ROW(chatproto_frames_count, count,
        chatproto_frames_count(o->frames, NULL))
ROW(chatproto_key_generate, key,
        chatproto_key_generate(NULL))
ROW(chatproto_key_load, path,
        chatproto_key_load(NO_TEXT, &o->out_key))
ROW(chatproto_key_load, key,
        chatproto_key_load(NAME, NULL))
ROW(chatproto_key_load_or_make, path,
        chatproto_key_load_or_make(NO_TEXT, &o->out_key))
ROW(chatproto_key_load_or_make, key,
        chatproto_key_load_or_make(NAME, NULL))
ROW(chatproto_key_save, key,
        chatproto_key_save(NULL, NAME))
ROW(chatproto_key_save, path,
        chatproto_key_save(o->key, NO_TEXT))
ROW(chatproto_key_public, key,
        chatproto_key_public(NULL, &o->text))
ROW(chatproto_key_public, public_key,
        chatproto_key_public(o->key, NULL))
ROW(chatproto_realm_new, config,
        chatproto_realm_new(NULL, &o->out_realm))
ROW(chatproto_realm_new, realm,
        chatproto_realm_new(o->config, NULL))
ROW(chatproto_realm_close, realm,
        chatproto_realm_close(NULL))
ROW(chatproto_realm_name, realm,
        chatproto_realm_name(NULL, &o->text))
ROW(chatproto_realm_name, name,
        chatproto_realm_name(o->realm, NULL))
ROW(chatproto_realm_poll_timeout, realm,
        chatproto_realm_poll_timeout(NULL, &o->number))
ROW(chatproto_realm_poll_timeout, at_ms,
        chatproto_realm_poll_timeout(o->realm, NULL))
ROW(chatproto_realm_handle_timeout, realm,
        chatproto_realm_handle_timeout(NULL, o->now))
ROW(chatproto_realm_store_failure, realm,
        chatproto_realm_store_failure(NULL, &o->text))
ROW(chatproto_realm_store_failure, why,
        chatproto_realm_store_failure(o->realm, NULL))
ROW(chatproto_realm_shutdown, realm,
        chatproto_realm_shutdown(NULL, o->now))
ROW(chatproto_realm_is_shut_down, realm,
        chatproto_realm_is_shut_down(NULL, &o->flag))
ROW(chatproto_realm_is_shut_down, is_shut_down,
        chatproto_realm_is_shut_down(o->realm, NULL))
ROW(chatproto_realm_open, realm,
        chatproto_realm_open(NULL, NAME, o->now, &o->number))
ROW(chatproto_realm_open, address,
        chatproto_realm_open(o->realm, NO_TEXT, o->now, &o->number))
ROW(chatproto_realm_open, connection,
        chatproto_realm_open(o->realm, NAME, o->now, NULL))
ROW(chatproto_realm_open_classic, realm,
        chatproto_realm_open_classic(NULL, NAME, NAME, o->now, &o->number))
ROW(chatproto_realm_open_classic, address,
        chatproto_realm_open_classic(o->realm, NO_TEXT, NAME, o->now, &o->number))
ROW(chatproto_realm_open_classic, neighbour,
        chatproto_realm_open_classic(o->realm, NAME, NO_TEXT, o->now, &o->number))
ROW(chatproto_realm_open_classic, connection,
        chatproto_realm_open_classic(o->realm, NAME, NAME, o->now, NULL))
ROW(chatproto_realm_receive, realm,
        chatproto_realm_receive(NULL, 1, B("x"), o->now))
ROW(chatproto_realm_receive, data,
        chatproto_realm_receive(o->realm, 1, NO_BYTES, o->now))
ROW(chatproto_realm_ended, realm,
        chatproto_realm_ended(NULL, 1, o->now))
ROW(chatproto_realm_closed, realm,
        chatproto_realm_closed(NULL, 1, o->now))
ROW(chatproto_realm_outgoing, realm,
        chatproto_realm_outgoing(NULL, 1, &o->bytes))
ROW(chatproto_realm_outgoing, data,
        chatproto_realm_outgoing(o->realm, 1, NULL))
ROW(chatproto_realm_sent, realm,
        chatproto_realm_sent(NULL, 1, 0, o->now))
ROW(chatproto_realm_execute, realm,
        chatproto_realm_execute(NULL, B("x"), o->now, &o->number))
ROW(chatproto_realm_execute, line,
        chatproto_realm_execute(o->realm, NO_BYTES, o->now, &o->number))
ROW(chatproto_realm_execute, request,
        chatproto_realm_execute(o->realm, B("x"), o->now, NULL))
ROW(chatproto_realm_execute_exactly, realm,
        chatproto_realm_execute_exactly(NULL, B("x"), o->now, &o->number))
ROW(chatproto_realm_execute_exactly, line,
        chatproto_realm_execute_exactly(o->realm, NO_BYTES, o->now, &o->number))
ROW(chatproto_realm_execute_exactly, request,
        chatproto_realm_execute_exactly(o->realm, B("x"), o->now, NULL))
ROW(chatproto_realm_link_config, realm,
        chatproto_realm_link_config(NULL, &o->out_links))
ROW(chatproto_realm_link_config, links,
        chatproto_realm_link_config(o->realm, NULL))
ROW(chatproto_realm_link_up, realm,
        chatproto_realm_link_up(NULL, NAME, 1, o->now, &o->number))
ROW(chatproto_realm_link_up, peer,
        chatproto_realm_link_up(o->realm, NO_TEXT, 1, o->now, &o->number))
ROW(chatproto_realm_link_up, link,
        chatproto_realm_link_up(o->realm, NAME, 1, o->now, NULL))
ROW(chatproto_realm_link_frames, realm,
        chatproto_realm_link_frames(NULL, 1, o->frames, o->now))
ROW(chatproto_realm_link_frames, frames,
        chatproto_realm_link_frames(o->realm, 1, NULL, o->now))
ROW(chatproto_realm_link_take, realm,
        chatproto_realm_link_take(NULL, 1, 0, o->now, &o->out_frames))
ROW(chatproto_realm_link_take, frames,
        chatproto_realm_link_take(o->realm, 1, 0, o->now, NULL))
ROW(chatproto_realm_link_down, realm,
        chatproto_realm_link_down(NULL, 1, o->now))
ROW(chatproto_realm_dial_failed, realm,
        chatproto_realm_dial_failed(NULL, NAME, NAME, o->now))
ROW(chatproto_realm_dial_failed, peer,
        chatproto_realm_dial_failed(o->realm, NO_TEXT, NAME, o->now))
ROW(chatproto_realm_dial_failed, why,
        chatproto_realm_dial_failed(o->realm, NAME, NO_TEXT, o->now))
ROW(chatproto_realm_next_output, realm,
        chatproto_realm_next_output(NULL, &o->output))
ROW(chatproto_realm_next_output, output,
        chatproto_realm_next_output(o->realm, NULL))
ROW(chatproto_realm_complete, realm,
        chatproto_realm_complete(NULL, o->work, o->now))
ROW(chatproto_realm_complete, work,
        chatproto_realm_complete(o->realm, NULL, o->now))
ROW(chatproto_realm_called, realm,
        chatproto_realm_called(NULL, 1, 1, B("x"), o->now))
ROW(chatproto_realm_called, data,
        chatproto_realm_called(o->realm, 1, 1, NO_BYTES, o->now))
ROW(chatproto_realm_send_from, realm,
        chatproto_realm_send_from(NULL, NAME, NAME, NAME, o->now, &o->number))
ROW(chatproto_realm_send_from, from,
        chatproto_realm_send_from(o->realm, NO_TEXT, NAME, NAME, o->now, &o->number))
ROW(chatproto_realm_send_from, to,
        chatproto_realm_send_from(o->realm, NAME, NO_TEXT, NAME, o->now, &o->number))
ROW(chatproto_realm_send_from, text,
        chatproto_realm_send_from(o->realm, NAME, NAME, NO_TEXT, o->now, &o->number))
ROW(chatproto_realm_send_from, request,
        chatproto_realm_send_from(o->realm, NAME, NAME, NAME, o->now, NULL))
ROW(chatproto_realm_take_inbox, realm,
        chatproto_realm_take_inbox(NULL, NAME, o->now, &o->number))
ROW(chatproto_realm_take_inbox, user,
        chatproto_realm_take_inbox(o->realm, NO_TEXT, o->now, &o->number))
ROW(chatproto_realm_take_inbox, request,
        chatproto_realm_take_inbox(o->realm, NAME, o->now, NULL))
ROW(chatproto_realm_set_user, realm,
        chatproto_realm_set_user(NULL, NAME, NAME, NAME, NAME, o->now, &o->number))
ROW(chatproto_realm_set_user, name,
        chatproto_realm_set_user(o->realm, NO_TEXT, NAME, NAME, NAME, o->now, &o->number))
ROW(chatproto_realm_set_user, password,
        chatproto_realm_set_user(o->realm, NAME, NO_TEXT, NAME, NAME, o->now, &o->number))
ROW(chatproto_realm_set_user, display_name,
        chatproto_realm_set_user(o->realm, NAME, NAME, NO_TEXT, NAME, o->now, &o->number))
ROW(chatproto_realm_set_user, country,
        chatproto_realm_set_user(o->realm, NAME, NAME, NAME, NO_TEXT, o->now, &o->number))
ROW(chatproto_realm_set_user, request,
        chatproto_realm_set_user(o->realm, NAME, NAME, NAME, NAME, o->now, NULL))
ROW(chatproto_realm_user_count, realm,
        chatproto_realm_user_count(NULL, &o->count))
ROW(chatproto_realm_user_count, count,
        chatproto_realm_user_count(o->realm, NULL))
ROW(chatproto_realm_user_at, realm,
        chatproto_realm_user_at(NULL, 0, &o->profile))
ROW(chatproto_realm_user_at, user,
        chatproto_realm_user_at(o->realm, 0, NULL))
ROW(chatproto_realm_token_owner, realm,
        chatproto_realm_token_owner(NULL, NAME, &o->profile))
ROW(chatproto_realm_token_owner, token,
        chatproto_realm_token_owner(o->realm, NO_TEXT, &o->profile))
ROW(chatproto_realm_token_owner, user,
        chatproto_realm_token_owner(o->realm, NAME, NULL))
ROW(chatproto_realm_peer_count, realm,
        chatproto_realm_peer_count(NULL, &o->count))
ROW(chatproto_realm_peer_count, count,
        chatproto_realm_peer_count(o->realm, NULL))
ROW(chatproto_realm_peer_at, realm,
        chatproto_realm_peer_at(NULL, 0, &o->status))
ROW(chatproto_realm_peer_at, status,
        chatproto_realm_peer_at(o->realm, 0, NULL))
ROW(chatproto_realm_set_peer, realm,
        chatproto_realm_set_peer(NULL, &o->peer, o->now))
ROW(chatproto_realm_set_peer, peer,
        chatproto_realm_set_peer(o->realm, NULL, o->now))
ROW(chatproto_realm_remove_peer, realm,
        chatproto_realm_remove_peer(NULL, NAME, false, o->now))
ROW(chatproto_realm_remove_peer, peer,
        chatproto_realm_remove_peer(o->realm, NO_TEXT, false, o->now))
ROW(chatproto_realm_pause_peer, realm,
        chatproto_realm_pause_peer(NULL, NAME, false, o->now))
ROW(chatproto_realm_pause_peer, peer,
        chatproto_realm_pause_peer(o->realm, NO_TEXT, false, o->now))
ROW(chatproto_realm_retry_peer, realm,
        chatproto_realm_retry_peer(NULL, NAME, o->now))
ROW(chatproto_realm_retry_peer, peer,
        chatproto_realm_retry_peer(o->realm, NO_TEXT, o->now))
ROW(chatproto_transport_dial, links,
        chatproto_transport_dial(NULL, NAME, o->now, &o->out_transport))
ROW(chatproto_transport_dial, peer,
        chatproto_transport_dial(o->links, NO_TEXT, o->now, &o->out_transport))
ROW(chatproto_transport_dial, transport,
        chatproto_transport_dial(o->links, NAME, o->now, NULL))
ROW(chatproto_transport_accept, links,
        chatproto_transport_accept(NULL, o->now, &o->out_transport))
ROW(chatproto_transport_accept, transport,
        chatproto_transport_accept(o->links, o->now, NULL))
ROW(chatproto_transport_receive, transport,
        chatproto_transport_receive(NULL, B("x"), o->now))
ROW(chatproto_transport_receive, data,
        chatproto_transport_receive(o->transport, NO_BYTES, o->now))
ROW(chatproto_transport_next, transport,
        chatproto_transport_next(NULL, &o->event))
ROW(chatproto_transport_next, event,
        chatproto_transport_next(o->transport, NULL))
ROW(chatproto_transport_send, transport,
        chatproto_transport_send(NULL, o->frames))
ROW(chatproto_transport_send, frames,
        chatproto_transport_send(o->transport, NULL))
ROW(chatproto_transport_outgoing, transport,
        chatproto_transport_outgoing(NULL, &o->bytes))
ROW(chatproto_transport_outgoing, data,
        chatproto_transport_outgoing(o->transport, NULL))
ROW(chatproto_transport_outgoing_bytes, transport,
        chatproto_transport_outgoing_bytes(NULL, &o->count))
ROW(chatproto_transport_outgoing_bytes, bytes,
        chatproto_transport_outgoing_bytes(o->transport, NULL))
ROW(chatproto_transport_sent, transport,
        chatproto_transport_sent(NULL, 0))
ROW(chatproto_transport_poll_timeout, transport,
        chatproto_transport_poll_timeout(NULL, &o->number))
ROW(chatproto_transport_poll_timeout, at_ms,
        chatproto_transport_poll_timeout(o->transport, NULL))
ROW(chatproto_transport_handle_timeout, transport,
        chatproto_transport_handle_timeout(NULL, o->now))
ROW(chatproto_work_run, work,
        chatproto_work_run(NULL))
ROW(chatproto_client_new, client,
        chatproto_client_new(0, NULL))
ROW(chatproto_client_outgoing, client,
        chatproto_client_outgoing(NULL, &o->bytes))
ROW(chatproto_client_outgoing, data,
        chatproto_client_outgoing(o->client, NULL))
ROW(chatproto_client_sent, client,
        chatproto_client_sent(NULL, 0))
ROW(chatproto_client_receive, client,
        chatproto_client_receive(NULL, B("x")))
ROW(chatproto_client_receive, data,
        chatproto_client_receive(o->client, NO_BYTES))
ROW(chatproto_client_is_logged_in, client,
        chatproto_client_is_logged_in(NULL, &o->flag))
ROW(chatproto_client_is_logged_in, is_logged_in,
        chatproto_client_is_logged_in(o->client, NULL))
ROW(chatproto_client_is_in_group, client,
        chatproto_client_is_in_group(NULL, &o->flag))
ROW(chatproto_client_is_in_group, is_in_group,
        chatproto_client_is_in_group(o->client, NULL))
ROW(chatproto_client_next, client,
        chatproto_client_next(NULL, &o->incoming))
ROW(chatproto_client_next, incoming,
        chatproto_client_next(o->client, NULL))
ROW(chatproto_client_message_at, client,
        chatproto_client_message_at(NULL, 0, &o->message))
ROW(chatproto_client_message_at, message,
        chatproto_client_message_at(o->client, 0, NULL))
ROW(chatproto_client_is_leaving, client,
        chatproto_client_is_leaving(NULL, &o->flag))
ROW(chatproto_client_is_leaving, is_leaving,
        chatproto_client_is_leaving(o->client, NULL))
ROW(chatproto_client_log_in, client,
        chatproto_client_log_in(NULL, NAME, NAME, &o->number))
ROW(chatproto_client_log_in, name,
        chatproto_client_log_in(o->client, NO_TEXT, NAME, &o->number))
ROW(chatproto_client_log_in, password,
        chatproto_client_log_in(o->client, NAME, NO_TEXT, &o->number))
ROW(chatproto_client_log_in, request,
        chatproto_client_log_in(o->client, NAME, NAME, NULL))
ROW(chatproto_client_log_out, client,
        chatproto_client_log_out(NULL, &o->number))
ROW(chatproto_client_log_out, request,
        chatproto_client_log_out(o->client, NULL))
ROW(chatproto_client_send, client,
        chatproto_client_send(NULL, NAME, NAME, &o->number))
ROW(chatproto_client_send, to,
        chatproto_client_send(o->client, NO_TEXT, NAME, &o->number))
ROW(chatproto_client_send, text,
        chatproto_client_send(o->client, NAME, NO_TEXT, &o->number))
ROW(chatproto_client_send, request,
        chatproto_client_send(o->client, NAME, NAME, NULL))
ROW(chatproto_client_send_once, client,
        chatproto_client_send_once(NULL, NAME, NAME, NAME, &o->number))
ROW(chatproto_client_send_once, key,
        chatproto_client_send_once(o->client, NO_TEXT, NAME, NAME, &o->number))
ROW(chatproto_client_send_once, to,
        chatproto_client_send_once(o->client, NAME, NO_TEXT, NAME, &o->number))
ROW(chatproto_client_send_once, text,
        chatproto_client_send_once(o->client, NAME, NAME, NO_TEXT, &o->number))
ROW(chatproto_client_send_once, request,
        chatproto_client_send_once(o->client, NAME, NAME, NAME, NULL))
ROW(chatproto_client_inbox, client,
        chatproto_client_inbox(NULL, &o->number))
ROW(chatproto_client_inbox, request,
        chatproto_client_inbox(o->client, NULL))
ROW(chatproto_client_peek, client,
        chatproto_client_peek(NULL, 0, &o->number))
ROW(chatproto_client_peek, request,
        chatproto_client_peek(o->client, 0, NULL))
ROW(chatproto_client_ack, client,
        chatproto_client_ack(NULL, 0, &o->number))
ROW(chatproto_client_ack, request,
        chatproto_client_ack(o->client, 0, NULL))
ROW(chatproto_client_active_users, client,
        chatproto_client_active_users(NULL, &o->number))
ROW(chatproto_client_active_users, request,
        chatproto_client_active_users(o->client, NULL))
ROW(chatproto_client_line, client,
        chatproto_client_line(NULL, NAME, &o->number))
ROW(chatproto_client_line, line,
        chatproto_client_line(o->client, NO_TEXT, &o->number))
ROW(chatproto_client_line, request,
        chatproto_client_line(o->client, NAME, NULL))
ROW(chatproto_client_command, client,
        chatproto_client_command(NULL, NAME, NAME, &o->number))
ROW(chatproto_client_command, verb,
        chatproto_client_command(o->client, NO_TEXT, NAME, &o->number))
ROW(chatproto_client_command, rest,
        chatproto_client_command(o->client, NAME, NO_TEXT, &o->number))
ROW(chatproto_client_command, request,
        chatproto_client_command(o->client, NAME, NAME, NULL))
ROW(chatproto_client_join, client,
        chatproto_client_join(NULL, NAME, &o->number))
ROW(chatproto_client_join, group,
        chatproto_client_join(o->client, NO_TEXT, &o->number))
ROW(chatproto_client_join, request,
        chatproto_client_join(o->client, NAME, NULL))
ROW(chatproto_client_say, client,
        chatproto_client_say(NULL, NAME))
ROW(chatproto_client_say, text,
        chatproto_client_say(o->client, NO_TEXT))
ROW(chatproto_client_leave, client,
        chatproto_client_leave(NULL, &o->number))
ROW(chatproto_client_leave, request,
        chatproto_client_leave(o->client, NULL))

ROW(chatproto_config_add_peer, peer.name, chatproto_config_add_peer(o->config, &o->nameless))
ROW(chatproto_config_add_peer, peer.public_key, chatproto_config_add_peer(o->config, &o->keyless))
ROW(chatproto_realm_set_peer, peer.name, chatproto_realm_set_peer(o->realm, &o->nameless, o->now))
ROW(chatproto_realm_set_peer, peer.public_key, chatproto_realm_set_peer(o->realm, &o->keyless, o->now))
