# Files of a data directory: readers tried on bytes made here, and on those of real servers.
salvor_test(salvor_test_postgres_files unit
  backup_label_test.cpp backup_manifest_test.cpp control_file_test.cpp data_directory_test.cpp
  live_server_test.cpp page_test.cpp wal_event_test.cpp wal_reader_test.cpp)
salvor_test(salvor_test_postgres_oracles integration
  control_file_oracle_test.cpp data_directory_oracle_test.cpp wal_oracle_test.cpp)
target_link_libraries(salvor_test_postgres_oracles PRIVATE salvor_test_support)
