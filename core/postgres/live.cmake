# What talks to a server, or starts one.
target_sources(salvor_core PRIVATE
  backup_session.cpp base_backup.cpp connection.cpp copy_stream.cpp instance.cpp
  instance_checks.cpp instance_connection.cpp instance_files.cpp instance_registry.cpp instance_removal.cpp
  instance_tools.cpp programs.cpp recovery_settings.cpp row_merge.cpp server_facts.cpp table_copy.cpp tar_reader.cpp wal_feed.cpp wal_stream.cpp)
